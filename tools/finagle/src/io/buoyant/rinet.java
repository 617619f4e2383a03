package io.buoyant;

import com.twitter.finagle.Addr;
import com.twitter.finagle.Addrs;
import com.twitter.finagle.Name;
import com.twitter.finagle.NameTree;
import com.twitter.finagle.Namer;
import com.twitter.finagle.Path;
import com.twitter.util.Activity;
import com.twitter.util.Var;

/** /port/host is bound, here without looking for the host. Finagle finds it by this name. */
public final class rinet extends Namer {
  private static final Var<Addr> NOBODY = Var.value(Addrs.negAddr());

  @Override
  public Activity<NameTree<Name>> lookup(Path path) {
    if (path.size() < 2) {
      return Activity.value(Rewriting.negative());
    }
    Path id = Rewriting.path("$", "io.buoyant.rinet").$plus$plus(path.take(2));
    return Activity.value(new NameTree.Leaf<Name>(new Name.Bound(NOBODY, id, path.drop(2))));
  }
}
