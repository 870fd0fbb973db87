"""The DubScore network: adapters (eq. 1), gates (eq. 2 and 3), transformer (eq. 4), training."""
