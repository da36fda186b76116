// A service that knows Spring Security and nothing of us: a token a line in, "ok" or the reason out.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.springframework.security.oauth2.core.DelegatingOAuth2TokenValidator;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtException;
import org.springframework.security.oauth2.jwt.JwtIssuerValidator;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.JwtTypeValidator;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;

public class Verify {
  public static void main(String[] args) throws Exception {
    var audience = args[2];
    var times = new JwtTimestampValidator();
    times.setClock(Clock.offset(Clock.systemUTC(), Duration.ofSeconds(-Long.parseLong(args[4]))));
    // It keeps the key set for five minutes and asks anew for a kid that is not in it.
    var decoder = NimbusJwtDecoder.withJwkSetUri(args[0])
        .jwsAlgorithm(SignatureAlgorithm.from(args[3]))
        .validateType(false) // by the validator below: Spring alone would take "JWT" only
        .build();
    decoder.setJwtValidator(new DelegatingOAuth2TokenValidator<>(
        new JwtTypeValidator("at+jwt"),
        times,
        new JwtIssuerValidator(args[1]),
        new JwtClaimValidator<List<String>>("aud", aud -> aud != null && aud.contains(audience))));
    var lines = new BufferedReader(new InputStreamReader(System.in));
    for (var token = lines.readLine(); token != null; token = lines.readLine()) {
      try {
        System.out.println("ok " + decoder.decode(token).getSubject());
      } catch (JwtException refused) {
        System.out.println("refused " + refused.getMessage().replace('\n', ' '));
      }
    }
  }
}
