"""Pages of the annotator room: `rating` for raters, `study` for researchers."""
