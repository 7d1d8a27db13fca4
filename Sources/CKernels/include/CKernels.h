int gpt_placeholder(void);
