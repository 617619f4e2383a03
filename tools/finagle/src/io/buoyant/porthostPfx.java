package io.buoyant;

import com.twitter.finagle.Path;

/** /pfx/host:port is /pfx/port/host. Finagle finds it by this name. */
public final class porthostPfx extends Rewriting {
  @Override
  protected Path rewrite(Path path) {
    if (path.size() < 2) {
      return null;
    }
    String[] parts = segment(path, 1).split(":");
    if (parts.length != 2) {
      return null;
    }
    return path.take(1).$plus$plus(path(parts[1], parts[0])).$plus$plus(path.drop(2));
  }
}
