import type { BrokerSecurity } from './broker/security/broker-security.ts'
import type { Settings } from './config/settings.ts'
import type { BearerTokens, SaslOffer } from './kafka/sasl/mechanism.ts'
import type { Logger } from './telemetry/logger.ts'
import { OneAtATime } from './util/one-at-a-time.ts'

/** Tokens that wait to be verified; further ones are refused. */
const MAX_WAITING_TOKENS = 1_000

/** What Kafka listeners offer by SASL. Rejects with an Error where the keys of OAUTHBEARER's tokens cannot be read. */
export async function openSaslOffer(settings: Settings, security: BrokerSecurity, logger: Logger): Promise<SaslOffer> {
  return {
    mechanisms: settings['sasl.enabled.mechanisms'],
    bearerTokens: settings['sasl.oauthbearer.jwks.endpoint.url'] === '' ? null : await openBearerTokens(settings, security, logger),
    maxReauthMs: settings['connections.max.reauth.ms'],
  }
}

/** What verifies tokens is loaded only where there are some. */
async function openBearerTokens(settings: Settings, security: BrokerSecurity, logger: Logger): Promise<BearerTokens> {
  const { TokenVerifier } = await import('./runtime/json-web-tokens.ts')
  const verifier = await TokenVerifier.open({
    keysUrl: settings['sasl.oauthbearer.jwks.endpoint.url'],
    keysRefreshMs: settings['sasl.oauthbearer.jwks.endpoint.refresh.ms'],
    issuer: settings['sasl.oauthbearer.expected.issuer'],
    audiences: settings['sasl.oauthbearer.expected.audience'],
    subjectClaim: settings['sasl.oauthbearer.sub.claim.name'],
    clockSkewS: settings['sasl.oauthbearer.clock.skew.seconds'],
  })
  // Signatures are checked on libuv's threads, which the journal's fdatasync shares.
  const turns = new OneAtATime(MAX_WAITING_TOKENS)
  return {
    verify: async (token) => {
      const verified = turns.isFull ? 'too many tokens wait to be verified' : await turns.run(() => verifier.verify(token))
      if (typeof verified === 'string') {
        logger.info({ reason: verified }, 'a bearer token was refused')
        return null
      }
      const principal = security.provenPrincipal(verified.subject)
      return principal === null ? null : { principal, expiresAtMs: verified.expiresAtMs }
    },
  }
}
