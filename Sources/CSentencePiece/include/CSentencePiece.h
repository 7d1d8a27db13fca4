int gpt_sp_placeholder(void);
