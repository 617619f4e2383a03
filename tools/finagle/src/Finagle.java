import com.twitter.finagle.Addr;
import com.twitter.finagle.Addrs;
import com.twitter.finagle.Dtab;
import com.twitter.finagle.Name;
import com.twitter.finagle.NameTree;
import com.twitter.finagle.Namer;
import com.twitter.finagle.Namer$;
import com.twitter.finagle.Path;
import com.twitter.finagle.util.Showable;
import com.twitter.util.Activity;
import com.twitter.util.Var;
import io.buoyant.Rewriting;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import scala.Function1;

/**
 * Binds the names of a file of cases with Finagle's own evaluator, and prints what each takes, as
 * `go test -bench` does. Usage: Finagle CASES WARM-UP-SECONDS ROUNDS.
 */
public final class Finagle {
  private static final Path K8S = Path.read("/#/io.l5d.k8s");
  private static final Map<Path, Var<Addr>> EXISTING = new HashMap<>();
  private static final Showable<Name.Bound> BOUND =
      new Showable<>() {
        @Override
        public String show(Name.Bound bound) {
          return ((Path) bound.id()).show() + (bound.path().isEmpty() ? "" : bound.path().show());
        }
      };

  /** What is measured, so that nothing of it can be left out. */
  private static volatile Object sink;

  private record Case(String name, Path path, String means, Function1<Path, Activity<NameTree<Name>>> lookup) {
    /** The bound tree of the name. */
    NameTree<Name.Bound> bind() {
      return Namer$.MODULE$.bind(lookup, new NameTree.Leaf<>(path)).sample();
    }

    /** Nanoseconds that a binding takes, measured for about some time. */
    double measure(double seconds) {
      long began = System.nanoTime();
      long until = began + (long) (seconds * 1e9);
      long n = 0;
      long now;
      do {
        for (int i = 0; i < 256; i++) {
          sink = bind();
        }
        n += 256;
        now = System.nanoTime();
      } while (now < until);
      return (double) (now - began) / n;
    }
  }

  /** As linkerd's ConfiguredNamersInterpreter: the table, else the namers, else Finagle's own. */
  private static Function1<Path, Activity<NameTree<Name>>> under(Dtab dtab) {
    return path -> {
      NameTree<Name.Path> found = dtab.lookup(path);
      if ((Object) found != NameTree.Neg$.MODULE$) {
        @SuppressWarnings("unchecked")
        NameTree<Name> tree = (NameTree<Name>) (NameTree<?>) found;
        return Activity.value(tree);
      }
      return path.startsWith(K8S) ? exists(path.drop(K8S.size())) : Namer.global().lookup(path);
    };
  }

  /**
   * A Service that exists is found in a map, and its bound name is made of the path, as linkerd's
   * io.l5d.k8s and Kibble do. Those lower-case the id as well, which is left out here.
   */
  private static Activity<NameTree<Name>> exists(Path path) {
    Path id = path.size() == 3 ? path : path.take(3);
    Var<Addr> addr = EXISTING.get(id);
    if (addr == null) {
      return Activity.value(Rewriting.negative());
    }
    Path residual = path.size() == 3 ? Path.empty() : path.drop(3);
    return Activity.value(new NameTree.Leaf<>(new Name.Bound(addr, K8S.$plus$plus(id), residual)));
  }

  private static List<Case> read(String file) throws IOException {
    List<Case> all = new ArrayList<>();
    for (String block : Files.readString(java.nio.file.Path.of(file)).split("\n\n+")) {
      String[] lines = block.split("\n", 4);
      if (!lines[0].startsWith("case ")) {
        continue; // what the file is about
      }
      all.add(
          new Case(
              lines[0].substring("case ".length()),
              Path.read(lines[1].substring("name ".length())),
              lines[2].substring("means ".length()),
              under(Dtab.read(lines[3]))));
    }
    return all;
  }

  public static void main(String[] args) throws IOException {
    for (String id :
        List.of(
            "/default/http/hello", "/default/http/api", "/default/http/world-v1", "/default/http/world-v2",
            "/default/grpc/world-v1", "/default/grpc/gen", "/default/grpc/gen-growthhack", "/default/grpc/word")) {
      EXISTING.put(Path.read(id), Var.value(Addrs.negAddr()));
    }
    List<Case> cases = read(args[0]);
    for (Case c : cases) {
      String means = com.twitter.finagle.NameTree$.MODULE$.show(c.bind(), BOUND);
      if (!means.equals(c.means())) {
        throw new IllegalStateException(c.name() + " is " + means + ", not " + c.means());
      }
    }
    long until = System.nanoTime() + (long) (Double.parseDouble(args[1]) * 1e9);
    while (System.nanoTime() < until) {
      for (Case c : cases) {
        c.measure(0.05);
      }
    }
    int rounds = Integer.parseInt(args[2]);
    for (int round = 0; round < rounds; round++) {
      for (Case c : cases) {
        System.out.printf("BenchmarkFinagle/%s 1 %.1f ns/op%n", c.name(), c.measure(0.1));
      }
    }
  }
}
