"""AnchorVLA for LeRobot: anchored truncated diffusion with residual correction for mobile manipulation."""
