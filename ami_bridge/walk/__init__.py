"""Every state that a call can come to under a policy, walked, and watched by somebody else."""
