"""Prints the versions of the packages that open exports, as far as they are there."""
import importlib.metadata

for package in ("torch", "transformers", "timm"):
    try:
        print(package, importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        pass
