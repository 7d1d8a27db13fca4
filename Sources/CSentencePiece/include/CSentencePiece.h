#ifdef __cplusplus
extern "C"
#endif
int gpt_sp_placeholder(void);
