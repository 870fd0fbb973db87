"""The paper's tables and its figure 2 from a campaign's own data, beside what is printed there.

`ratings`, `scoring`, `calibrations`, `strategies` and `gates` make tables from figures that other
cores found, `trials` trains what they need; `table` is what a table is, for pages and files alike;
`markdown` writes it down; `printed` knows what the paper says, and what does not add up there.
"""
