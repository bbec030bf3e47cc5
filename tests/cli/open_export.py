"""Opens exported folders with transformers and timm and compares what they compute; run by test_weights.py with
the interpreter that VICINITY_PYTHON names (PyTorch, and transformers, timm or both).

usage: open_export.py hf FOLDER FIXTURE PREFIX       logits, against FIXTURE's PREFIX/logits of PREFIX/pixel_values
       open_export.py timm FOLDER FOLDER_HF          features of both at the table's size
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file


def hf_model(folder):
    config = json.loads((pathlib.Path(folder) / "config.json").read_text())
    if config["model_type"] == "dinat":  # the stand-in for natten, before transformers looks for it
        sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fixtures"))
        import natten_standin
        natten_standin.install()
    import transformers
    model = getattr(transformers, config["architectures"][0])
    loaded, info = model.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    print("opened by transformers", transformers.__version__, "as", type(loaded).__name__)
    return loaded.double().eval(), config


def close(name, got, wanted):
    error = float((got - wanted).abs().max() / wanted.abs().max())
    print(f"{name}: relative error {error:.1e}")
    assert error < 1e-5, error


def open_hf(folder, fixture, prefix):
    tensors = load_file(fixture)
    pixels = tensors.get(f"{prefix}/pixel_values", tensors.get("pixel_values")).double()
    model, _ = hf_model(folder)
    with torch.no_grad():
        close("logits", model(pixels).logits, tensors[f"{prefix}/logits"])


def open_timm(folder, folder_hf):
    from timm.layers import SwiGLUPacked
    from timm.models.vision_transformer import VisionTransformer
    model, config = hf_model(folder_hf)
    state = load_file(pathlib.Path(folder) / "timm.safetensors")
    registers = config.get("num_register_tokens", 0)
    hidden = state["blocks.0.mlp.fc1.weight"].shape[0]
    swiglu = dict(mlp_layer=SwiGLUPacked, act_layer=torch.nn.SiLU) if config["use_swiglu_ffn"] else {}
    side = config["image_size"]
    vit = VisionTransformer(
        img_size=side, patch_size=config["patch_size"], embed_dim=config["hidden_size"],
        depth=config["num_hidden_layers"], num_heads=config["num_attention_heads"], num_classes=0,
        init_values=1e-5, mlp_ratio=(hidden + 0.5) / config["hidden_size"], reg_tokens=registers,
        no_embed_class=registers > 0, **swiglu)
    vit.load_state_dict(state, strict=True)
    pixels = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(5)).double()
    with torch.no_grad():
        close("features", vit.double().eval().forward_features(pixels),
              getattr(model, model.base_model_prefix)(pixels).last_hidden_state)


{"hf": open_hf, "timm": open_timm}[sys.argv[1]](*sys.argv[2:])
