import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.List;
import org.h2.mvstore.MVStore;

/** Serves the databases in the file args[1] at port args[0] of args[2], or of 127.0.0.1, until a signal ends it. */
public final class StoredMongoServer {
    private StoredMongoServer() {
    }

    public static void main(String[] args) {
        MVStore store = MVStore.open(args[1]);
        store.setRetentionTime(0); // kept for a crash of the machine, old versions would fill the disk under load
        MongoServer server = new MongoServer(new Durable(store).version(new Version5()));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        server.bind(args.length > 2 ? args[2] : "127.0.0.1", Integer.parseInt(args[0]));
    }

    /** Writes before it answers, as MongoDB does by default: what a client knows to be stored outlives a crash. */
    private static final class Durable extends H2Backend {
        private Durable(MVStore store) {
            super(store);
        }

        @Override
        public Document handleMessage(MongoMessage message) {
            Document answer = super.handleMessage(message);
            commit();
            return answer;
        }
    }

    /**
     * MongoDB 5.0 as its clients know it. The server's own constant of that name tells a wire version before 4.4, which
     * current clients refuse.
     */
    private static final class Version5 implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 13;
        }
    }
}
