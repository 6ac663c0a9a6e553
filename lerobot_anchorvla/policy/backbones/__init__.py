"""Vision-language backbones behind one interface."""
