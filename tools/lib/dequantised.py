"""A .gguf as a folder that transformers opens, its weights dequantised to float32.

    dequantised.py MODEL.gguf CACHE_FOLDER      prints the folder

transformers' own reader does the work. The folder is kept in the cache, because that reader takes
more memory and time than opening the result, which would count against those measured with it.
"""

import os
import shutil
import sys
from pathlib import Path


def silence():
    """To be called before the first import of transformers."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import transformers
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def write_folder(model, folder):
    import torch
    transformers = silence()
    place = {"pretrained_model_name_or_path": str(Path(model).parent),
             "gguf_file": Path(model).name}
    opened = transformers.AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
    weights = opened.state_dict()
    for name, tensor in weights.items():
        if tensor.dtype != torch.float32:
            sys.exit(f"error: {model}: transformers opens {name} as {tensor.dtype}, not float32")
    # A model without a memory of having been quantised, which would not let itself be saved.
    configuration = opened.config
    if hasattr(configuration, "quantization_config"):
        del configuration.quantization_config
    plain = type(opened)(configuration)
    plain.load_state_dict(weights)
    plain.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(**place).save_pretrained(folder)


def dequantised_folder(model, cache):
    """The folder of a model in the cache, made anew if the model is newer."""
    folder = Path(cache) / f"{Path(model).stem}.f32"
    mark = folder / "config.json"
    if mark.exists() and mark.stat().st_mtime > os.stat(model).st_mtime:
        return folder
    print(f"dequantising {Path(model).name} for transformers", file=sys.stderr)
    scratch = Path(f"{folder}.{os.getpid()}")
    try:
        write_folder(model, scratch)
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(dequantised_folder(*sys.argv[1:]))


if __name__ == "__main__":
    main()
