package io.buoyant;

import com.twitter.finagle.Name;
import com.twitter.finagle.NameTree;
import com.twitter.finagle.Namer;
import com.twitter.finagle.Path;
import com.twitter.io.Buf;
import com.twitter.util.Activity;
import java.util.ArrayList;
import java.util.List;
import scala.jdk.javaapi.CollectionConverters;

/** A namer that answers another name, as linkerd's RewritingNamer does. */
public abstract class Rewriting extends Namer {
  private static final Activity<NameTree<Name>> NEGATIVE = Activity.value(negative());

  /** Gives another name, or null for none. */
  protected abstract Path rewrite(Path path);

  @Override
  public Activity<NameTree<Name>> lookup(Path path) {
    Path to = rewrite(path);
    return to == null ? NEGATIVE : Activity.value(new NameTree.Leaf<Name>(new Name.Path(to)));
  }

  @SuppressWarnings("unchecked")
  public static NameTree<Name> negative() {
    return (NameTree<Name>) (NameTree<?>) NameTree.Neg$.MODULE$;
  }

  /** Gives a segment of a path as text. */
  public static String segment(Path path, int i) {
    return Buf.Utf8$.MODULE$.unapply(path.elems().apply(i)).get();
  }

  public static Path path(String... segments) {
    List<Buf> bufs = new ArrayList<>(segments.length);
    for (String s : segments) {
      bufs.add(Buf.Utf8$.MODULE$.apply(s));
    }
    return new Path(CollectionConverters.asScala(bufs).toSeq());
  }
}
