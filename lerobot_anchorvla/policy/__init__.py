"""The policy: backbone, trajectory vocabulary, truncated schedule, denoiser, heads and residual."""
