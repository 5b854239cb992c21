"""Weights of the optional detector: read from where others publish them, written as one ONNX file."""
