"""A training step (forward, backward, AdamW) or a forward pass of a peer model at 224 pixels. See run.sh.

bf16 means autocast over float32 weights when training, weights converted to bf16 when not. On a GPU a step ends when the device
is done.
"""
import argparse
import contextlib

from common import emit, measure, peak_rss_mb, seconds_since_start

MODELS = ["vit_s14_hf", "vit_b14_hf", "vit_l14_hf", "vit_s14_timm", "dinat_mini", "dinat_tiny", "dinat_base", "dinat_mini_natten",
          "dinat_tiny_natten", "dinat_mini_flex", "dinat_tiny_flex", "dinat_base_flex"]
VITS = {"vit_s14_hf": (384, 12, 6), "vit_b14_hf": (768, 12, 12), "vit_l14_hf": (1024, 24, 16)}  # width, layers, heads


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--mode", choices=["train", "infer"], default="train")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6.0, help="how long to measure, at least three steps")
    return parser.parse_args()


def build(name, image=224):
    if name in VITS:
        width, layers, heads = VITS[name]
        from transformers import Dinov2Config, Dinov2ForImageClassification
        model = Dinov2ForImageClassification(Dinov2Config(
            hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, patch_size=14, image_size=518,
            num_labels=1000, attn_implementation="sdpa"))
        return model, lambda pixels: model(pixels).logits
    if name == "vit_s14_timm":
        import timm
        model = timm.create_model("vit_small_patch14_dinov2", img_size=image, num_classes=1000)
        return model, model
    import dinat
    _, variant, implementation = (name + "_tiled").split("_")[:3]
    model = dinat.Dinat(**dinat.VARIANTS[variant], implementation=implementation, image=image)
    return model, model


def training_step(torch, model, logits, pixels, labels, autocast):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05, fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with autocast():
            scores = logits(pixels)
        loss = torch.nn.functional.cross_entropy(scores.float(), labels)
        loss.backward()
        optimizer.step()
    return step


def main():
    options = arguments()
    import torch
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model, logits = build(options.model)
    pixels, labels = torch.randn(options.batch, 3, 224, 224), torch.randint(0, 1000, (options.batch,))
    model, pixels, labels = (x.to(options.device) for x in (model, pixels, labels))
    if options.compile:
        logits = torch.compile(logits)
    half = options.precision == "bf16"
    if options.mode == "train":
        autocast = (lambda: torch.autocast(options.device, torch.bfloat16)) if half else contextlib.nullcontext
        step = training_step(torch, model.train(), logits, pixels, labels, autocast)
    else:
        model.eval()
        if half:
            model, pixels = model.bfloat16(), pixels.bfloat16()

        def step():
            with torch.inference_mode():
                logits(pixels)

    if options.device == "cuda":
        enqueue, figure = step, torch.cuda.max_memory_allocated

        def step():
            enqueue()
            torch.cuda.synchronize()
    ready = seconds_since_start()
    step()
    first = seconds_since_start()
    figures = measure(step, options.seconds)
    emit(what="step", **vars(options), **figures, images_per_s=1e3 * options.batch / figures["ms"],
         images_per_s_best=1e3 * options.batch / figures["ms_best"], peak_rss_mb=peak_rss_mb(),
         start_to_first_step_s=ready, start_to_end_of_first_step_s=first,
         peak_gpu_mb=round(figure() / 2**20) if options.device == "cuda" else 0,
         parameters=sum(p.numel() for p in model.parameters()), torch=torch.__version__)


if __name__ == "__main__":
    main()
