// The C++ side of CSentencePiece.h; see there for the contract.

#include "CSentencePiece.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <unordered_map>
#include <vector>

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

struct gpt_sp_model {
  sentencepiece::SentencePieceProcessor processor;
};

namespace {

void *copyBytes(const void *bytes, size_t length) {
  void *copy = std::malloc(length + 1);
  if (copy == nullptr) return nullptr;
  if (length > 0) std::memcpy(copy, bytes, length);
  static_cast<char *>(copy)[length] = 0;
  return copy;
}

void report(char **error, const char *text) {
  if (error != nullptr) *error = static_cast<char *>(copyBytes(text, std::strlen(text)));
}

// Runs `body`, which returns a result or throws; an exception becomes `failed` and a text.
template <typename Result, typename Body>
Result guarded(char **error, Result failed, Body body) {
  try {
    return body();
  } catch (const std::exception &exception) {
    report(error, exception.what());
  } catch (...) {
    report(error, "an unknown C++ exception");
  }
  return failed;
}

bool isValid(const gpt_sp_model *model, int32_t id) {
  return id >= 0 && id < model->processor.GetPieceSize();
}

class CallbackIterator : public sentencepiece::SentenceIterator {
 public:
  CallbackIterator(gpt_sp_next_sentence next, void *context) : next_(next), context_(context) {
    Next();
  }
  bool done() const override { return done_; }
  void Next() override {
    const char *bytes = nullptr;
    size_t length = 0;
    done_ = next_(context_, &bytes, &length) == 0;
    if (done_) {
      value_.clear();
    } else {
      value_.assign(bytes, length);
    }
  }
  const std::string &value() const override { return value_; }
  sentencepiece::util::Status status() const override { return sentencepiece::util::Status(); }

 private:
  gpt_sp_next_sentence next_;
  void *context_;
  std::string value_;
  bool done_ = false;
};

}  // namespace

extern "C" {

gpt_sp_model *gpt_sp_load(const void *bytes, size_t length, char **error) {
  return guarded<gpt_sp_model *>(error, nullptr, [&]() -> gpt_sp_model * {
    auto model = std::make_unique<gpt_sp_model>();
    const auto status = model->processor.LoadFromSerializedProto(
        std::string_view(static_cast<const char *>(bytes), length));
    if (!status.ok()) {
      report(error, status.error_message());
      return nullptr;
    }
    return model.release();
  });
}

void gpt_sp_close(gpt_sp_model *model) { delete model; }

void gpt_sp_free(void *memory) { std::free(memory); }

int32_t gpt_sp_piece_count(const gpt_sp_model *model) { return model->processor.GetPieceSize(); }

int32_t gpt_sp_piece_to_id(const gpt_sp_model *model, const char *piece, size_t length) {
  return model->processor.PieceToId(std::string_view(piece, length));
}

const char *gpt_sp_id_to_piece(const gpt_sp_model *model, int32_t id, size_t *length) {
  if (!isValid(model, id)) return nullptr;
  const std::string &piece = model->processor.IdToPiece(id);
  *length = piece.size();
  return piece.data();
}

float gpt_sp_score(const gpt_sp_model *model, int32_t id) {
  return isValid(model, id) ? model->processor.GetScore(id) : 0;
}

int32_t gpt_sp_type(const gpt_sp_model *model, int32_t id) {
  if (!isValid(model, id)) return 0;
  const auto &processor = model->processor;
  if (processor.IsUnknown(id)) return gpt_sp_type_unknown;
  if (processor.IsControl(id)) return gpt_sp_type_control;
  if (processor.IsUnused(id)) return gpt_sp_type_unused;
  if (processor.IsByte(id)) return gpt_sp_type_byte;
  return gpt_sp_type_normal;
}

int64_t gpt_sp_encode(const gpt_sp_model *model, const char *text, size_t length, int32_t **ids,
                      char **error) {
  return guarded<int64_t>(error, -1, [&]() -> int64_t {
    std::vector<int> result;
    const auto status = model->processor.Encode(std::string_view(text, length), &result);
    if (!status.ok()) {
      report(error, status.error_message());
      return -1;
    }
    static_assert(sizeof(int) == sizeof(int32_t), "ids are 32 bits wide");
    *ids = static_cast<int32_t *>(copyBytes(result.data(), result.size() * sizeof(int32_t)));
    if (*ids == nullptr) throw std::bad_alloc();
    return static_cast<int64_t>(result.size());
  });
}

int64_t gpt_sp_decode(const gpt_sp_model *model, const int32_t *ids, size_t count, char **text,
                      char **error) {
  return guarded<int64_t>(error, -1, [&]() -> int64_t {
    std::string result;
    const auto status = model->processor.Decode(std::vector<int>(ids, ids + count), &result);
    if (!status.ok()) {
      report(error, status.error_message());
      return -1;
    }
    *text = static_cast<char *>(copyBytes(result.data(), result.size()));
    if (*text == nullptr) throw std::bad_alloc();
    return static_cast<int64_t>(result.size());
  });
}

int64_t gpt_sp_train(const char *const *keys, const char *const *values, size_t count,
                     gpt_sp_next_sentence next, void *context, char **model, char **error) {
  return guarded<int64_t>(error, -1, [&]() -> int64_t {
    std::unordered_map<std::string, std::string> options;
    for (size_t index = 0; index < count; ++index) options[keys[index]] = values[index];
    CallbackIterator sentences(next, context);
    std::string serialized;
    const auto status =
        sentencepiece::SentencePieceTrainer::Train(options, &sentences, &serialized);
    if (!status.ok()) {
      report(error, status.error_message());
      return -1;
    }
    *model = static_cast<char *>(copyBytes(serialized.data(), serialized.size()));
    if (*model == nullptr) throw std::bad_alloc();
    return static_cast<int64_t>(serialized.size());
  });
}

}  // extern "C"
