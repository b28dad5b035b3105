"""Floor 3: what the operator does beside the main job (migrate, keys, demo), and what it runs on."""
