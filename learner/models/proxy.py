"""The proxy MOS of a campaign: how its metrics were normalised, and the weights learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from annotator.models import Campaign, Corpus
from learner.models.jobs import Job, JobQuerySet
from learner.models.rounds import Round

if TYPE_CHECKING:
    from learner.proxy.result import WeightFit

METHODS = {
    "bagged": "bagged NNLS (default)",
    "bagged_or_equal": "bagged NNLS, or equal weights where not shown to be better",
    "shrunk": "shrunk to equal weights (empirical Bayes)",
    "nnls": "NNLS, one fit",
    "pearson": "Pearson maximised, as the paper prints it",
    "best_single": "best single metric",
    "equal": "equal weights",
}
NORMALISATIONS = {
    "rank-gauss": "normal scores of ranks (default)",
    "z": "mean and standard deviation",
    "robust": "median and MAD",
}


class Normalisation(models.Model):
    """How metrics of a corpus are brought to one scale; never changed, only followed by another.

    So scores of old clips do not move when clips are added.
    """

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="normalisations")
    kind = models.CharField(max_length=20, choices=NORMALISATIONS)
    version = models.PositiveIntegerField()
    metrics = models.JSONField(help_text="names and versions, in the order of all its numbers")
    parameters = models.JSONField(help_text="quantiles, or centres and scales")
    moments = models.JSONField(help_text="mean and covariance, by which missing metrics are filled")
    n_clips = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["corpus_id", "kind", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["corpus", "kind", "version"], name="normalisation_version_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}, version {self.version}, of {self.corpus}"


class ProxyWeights(models.Model):
    """One fit of the proxy MOS: weights with intervals, what they were fitted on, and how well."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="proxy_weights")
    round = models.ForeignKey(
        Round, on_delete=models.PROTECT, null=True, blank=True, related_name="proxy_weights"
    )
    target = models.SlugField(max_length=40)
    method = models.CharField(max_length=60)
    is_better = models.BooleanField(
        help_text="learned weights are shown to be better than equal ones; `fit` says the rest"
    )
    metrics = models.JSONField(help_text="names and versions, in the order of every list in `fit`")
    normalisation = models.ForeignKey(
        Normalisation, on_delete=models.PROTECT, related_name="proxy_weights"
    )
    fit = models.JSONField(help_text="weights, intervals, agreement, line to MOS, reason")
    n_clips = models.PositiveIntegerField(help_text="clips with a MOS it was fitted on")
    n_ratings = models.PositiveIntegerField(default=0, help_text="ratings behind those MOS")
    seed = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = "proxy weights"
        constraints = [
            models.UniqueConstraint(
                fields=["round"],
                condition=Q(round__isnull=False),
                name="proxy_weights_once_a_round",
            ),
        ]

    def __str__(self) -> str:
        return f"Proxy weights {self.pk} of {self.campaign}"

    @property
    def method_title(self) -> str:
        """The weighting in words."""
        return METHODS.get(self.method, self.method)

    def as_fit(self) -> WeightFit:
        """The fit as the core knows it."""
        from learner.proxy.result import WeightFit

        return WeightFit.from_json(self.fit)


class Refit(Job):
    """A fit of the proxy outside of rounds."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="refits")
    target = models.SlugField(max_length=40, default="overall")
    method = models.CharField(max_length=20, choices=METHODS, default="bagged")
    normalisation = models.CharField(max_length=20, choices=NORMALISATIONS, default="rank-gauss")
    is_renewed = models.BooleanField(
        default=False, help_text="normalise anew over the corpus as it is now"
    )
    proxy_weights = models.OneToOneField(
        ProxyWeights, on_delete=models.PROTECT, null=True, blank=True, related_name="refit"
    )

    objects = JobQuerySet.as_manager()

    class Meta(Job.Meta):
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Refit {self.pk} of {self.campaign}"


class Audit(Job):
    """A strategy beside chance, replayed on the labels collected so far."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="audits")
    target = models.SlugField(max_length=40, default="overall")
    strategy = models.CharField(max_length=60, default="d_optimal")
    n_replays = models.PositiveSmallIntegerField(default=30)
    data = models.JSONField(
        default=dict, blank=True, help_text="hash and number of the labels it is about"
    )
    replays = models.JSONField(default=list, blank=True, help_text="each replay as it ended")
    report = models.JSONField(default=dict, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta(Job.Meta):
        ordering = ["-created_at"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["campaign"],
                condition=Q(state__in=["queued", "running", "waiting"]),
                name="one_open_audit_a_campaign",
            ),
        ]

    def __str__(self) -> str:
        return f"Audit {self.pk} of {self.campaign}"
