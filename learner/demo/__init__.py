"""The demo corpus: talking portraits dubbed with known faults, and simulated raters.

A core: files in, files out, no Django. `clips.make_demo_clips` makes the corpus,
`raters.simulate_scores` draws ratings for it.
"""
