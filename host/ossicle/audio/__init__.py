"""Pure audio: ring, timeline, voice detection, segmenter; counted in samples."""
