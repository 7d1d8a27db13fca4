#ifndef GPT_CSENTENCEPIECE_H
#define GPT_CSENTENCEPIECE_H

#include <stddef.h>
#include <stdint.h>

/*
 A plain C face for Google's libsentencepiece (C++).

 No C++ exception and no library status leaves this file: a call that can fail returns null or a
 negative number and stores a text in `*error`, which the caller frees with gpt_sp_free. The
 library is never given a path. A loaded model is immutable; its functions may be called from
 several threads at once.
*/

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gpt_sp_model gpt_sp_model;

/* Loads a serialized ModelProto, which is copied. */
gpt_sp_model *gpt_sp_load(const void *bytes, size_t length, char **error);
void gpt_sp_close(gpt_sp_model *model);

/* Releases what a function below returned through a pointer. */
void gpt_sp_free(void *memory);

int32_t gpt_sp_piece_count(const gpt_sp_model *model);

/* Id of a piece, the unknown id when there is no such piece. */
int32_t gpt_sp_piece_to_id(const gpt_sp_model *model, const char *piece, size_t length);

/* The piece's bytes, owned by the model; null when `id` is out of range. */
const char *gpt_sp_id_to_piece(const gpt_sp_model *model, int32_t id, size_t *length);

float gpt_sp_score(const gpt_sp_model *model, int32_t id);

enum {
  gpt_sp_type_normal = 1,
  gpt_sp_type_unknown = 2,
  gpt_sp_type_control = 3,
  gpt_sp_type_unused = 5,
  gpt_sp_type_byte = 6
};

/* One of gpt_sp_type_…; user-defined pieces count as normal here. 0 when out of range. */
int32_t gpt_sp_type(const gpt_sp_model *model, int32_t id);

/* Ids of a UTF-8 text in `*ids` (free it), their number as the result; -1 on error. */
int64_t gpt_sp_encode(const gpt_sp_model *model, const char *text, size_t length, int32_t **ids,
                      char **error);

/* Text of `count` ids in `*text` (free it), its length as the result; -1 on error. */
int64_t gpt_sp_decode(const gpt_sp_model *model, const int32_t *ids, size_t count, char **text,
                      char **error);

/* Points at the next sentence and returns 1, or returns 0 at the end. The bytes must stay valid
   until the next call. */
typedef int32_t (*gpt_sp_next_sentence)(void *context, const char **bytes, size_t *length);

/* Trains a vocabulary with the library's own options (`keys[i]` = `values[i]`), except those that
   name files. The serialized ModelProto comes in `*model` (free it), its length as the result;
   -1 on error. */
int64_t gpt_sp_train(const char *const *keys, const char *const *values, size_t count,
                     gpt_sp_next_sentence next, void *context, char **model, char **error);

#ifdef __cplusplus
}
#endif

#endif
