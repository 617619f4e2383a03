package io.buoyant.http;

import com.twitter.finagle.Path;
import io.buoyant.Rewriting;

/** /pfx/www.hello.world is /pfx/world/hello/www. Finagle finds it by this name. */
public final class domainToPathPfx extends Rewriting {
  @Override
  protected Path rewrite(Path path) {
    if (path.size() < 2) {
      return null;
    }
    String[] labels = segment(path, 1).split("\\.");
    String[] reversed = new String[labels.length];
    for (int i = 0; i < labels.length; i++) {
      reversed[i] = labels[labels.length - 1 - i];
    }
    return path.take(1).$plus$plus(path(reversed)).$plus$plus(path.drop(2));
  }
}
