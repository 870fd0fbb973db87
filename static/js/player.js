// What was watched of a clip, and how: the evidence sent with a rating.
"use strict";

window.dubscore = window.dubscore || {};

window.dubscore.watch = (video, durationS, alreadyWatched) => {
  // As annotator/evidence.py: what may stay unplayed of a clip that was watched whole.
  const UNWATCHED_S = 0.5;
  const UNWATCHED_FRAC = 0.03;
  const seen = { plays: 0, stalls: 0, hiddenMs: 0, muted: false };
  let earlier = alreadyWatched;
  let hiddenSince = null;

  const merge = (ranges) => {
    const merged = [];
    for (const [start, end] of ranges.sort((a, b) => a[0] - b[0])) {
      const last = merged[merged.length - 1];
      if (last && start <= last[1]) last[1] = Math.max(last[1], end);
      else merged.push([start, end]);
    }
    return merged;
  };

  const watched = () => {
    const now = Array.from({ length: video.played.length }, (_, i) => [
      video.played.start(i),
      video.played.end(i),
    ]);
    return merge([...earlier.map((range) => [...range]), ...now]);
  };

  const watchedS = () =>
    watched().reduce(
      (sum, [start, end]) => sum + Math.min(end, durationS) - Math.min(start, durationS),
      0,
    );

  video.addEventListener("play", () => {
    seen.plays += 1;
    seen.muted = video.muted || video.volume === 0;
  });
  video.addEventListener("volumechange", () => {
    seen.muted = video.muted || video.volume === 0;
  });
  video.addEventListener("waiting", () => { seen.stalls += 1; });
  // All raters judge the same speech: at the speed it was spoken.
  video.addEventListener("ratechange", () => {
    if (video.playbackRate !== 1) video.playbackRate = 1;
  });
  video.addEventListener("emptied", () => { earlier = watched(); });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenSince = performance.now();
    else if (hiddenSince !== null) {
      seen.hiddenMs += performance.now() - hiddenSince;
      hiddenSince = null;
    }
  });

  return {
    watched,
    share: () => Math.min(1, watchedS() / durationS),
    isWhole: () => durationS - watchedS() <= Math.max(UNWATCHED_S, UNWATCHED_FRAC * durationS),
    evidence: () => ({
      watched_s: watched(),
      plays: seen.plays,
      stalls: seen.stalls,
      hidden_s: seen.hiddenMs / 1000,
      is_muted: seen.muted,
      playback_rate: video.playbackRate,
      dropped_frames: video.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0,
      viewport_width: window.innerWidth,
      viewport_height: window.innerHeight,
    }),
  };
};
