package dalkom;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.cloud.context.config.annotation.RefreshScope;
import org.springframework.stereotype.Component;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
@EnableConfigurationProperties(Shop.class)
@RestController
public class App {
    private final Shop shop;
    private final Greeting greeting;

    App(Shop shop, Greeting greeting) {
        this.shop = shop;
        this.greeting = greeting;
    }

    public static void main(String[] arguments) {
        SpringApplication.run(App.class, arguments);
    }

    /** The settings as the types of the application have them. */
    @GetMapping("/shop")
    Object shop() {
        return shop.shown();
    }

    /** A value that a refresh changes. */
    @GetMapping("/greeting")
    String greeting() {
        return greeting.text();
    }

    @Component
    @RefreshScope
    static class Greeting {
        private final String text;

        Greeting(@Value("${greeting}") String text) {
            this.text = text;
        }

        String text() {
            return text;
        }
    }
}
