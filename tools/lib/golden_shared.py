"""What the scripts that make Tests/Fixtures share: models, their logits, files, the manifest.

Imports nothing that one of their Python environments lacks.
"""

import hashlib
import json

import numpy as np
import torch
import transformers


def load(folder, dtype=torch.float32):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager", local_files_only=True)
    return model.eval()


@torch.no_grad()
def logits_of(model, ids):
    return model(torch.tensor([ids]), use_cache=False).logits[0]


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=True) + "\n", encoding="ascii")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def update_manifest(folder, key, entry):
    """Replaces a key of the manifest beside the folder, leaving other keys alone."""
    path = folder.parent / "manifest.json"
    manifest = json.loads(path.read_text()) if path.exists() else {}
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    manifest[key] = {
        **entry, "files": {str(p.relative_to(folder.parent)): sha256(p) for p in files}}
    path.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def base_versions():
    return {"numpy": np.__version__, "torch": torch.__version__.split("+")[0],
            "transformers": transformers.__version__}
