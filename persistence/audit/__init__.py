"""The audit: every rule that the stored data must satisfy."""
