"""What is done to whole files: listing, inspecting and re-encoding them, in many processes."""
