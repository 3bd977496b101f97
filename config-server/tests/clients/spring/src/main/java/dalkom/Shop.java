package dalkom;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.springframework.boot.context.properties.ConfigurationProperties;

/** Settings with types, as an application of Spring has them. */
@ConfigurationProperties("shop")
public class Shop {
    private boolean open;
    private int limit;
    private Duration timeout;
    private List<String> categories;

    Map<String, Object> shown() {
        return Map.of("open", open, "limit", limit, "timeout", timeout.toMillis(), "categories", categories);
    }

    public void setOpen(boolean open) {
        this.open = open;
    }

    public void setLimit(int limit) {
        this.limit = limit;
    }

    public void setTimeout(Duration timeout) {
        this.timeout = timeout;
    }

    public void setCategories(List<String> categories) {
        this.categories = categories;
    }
}
