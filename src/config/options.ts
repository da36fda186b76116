/** Every option there is. `.env.example` and README's table are printed from this list. */
import { keyEncryptionKeyText } from './key-encryption-key.ts'
import { option, type ValueOf } from './option.ts'
import { cidrs, databaseUrl, duration, issuer, listenHost, oneOf, port, someOf, text, wholeNumber } from './parsers.ts'

export const options = {
  issuer: option({
    env: 'CLAVIGER_ISSUER',
    parse: issuer,
    default: 'http://localhost:9400',
    doc: 'The issuer, as browsers and services reach it. Every URL, cookie flag and discovery entry follows it and nothing else. May carry a path; https is required outside loopback.',
  }),
  host: option({
    env: 'CLAVIGER_HOST',
    parse: listenHost,
    default: '127.0.0.1',
    doc: 'Address to listen on; 0.0.0.0 in a container.',
  }),
  port: option({
    env: 'CLAVIGER_PORT',
    parse: port,
    defaultDoc: 'port of the issuer, or 9400',
    doc: 'Port to listen on.',
    example: '9400',
  }),
  managementPort: option({
    env: 'CLAVIGER_MANAGEMENT_PORT',
    parse: port,
    defaultDoc: 'off',
    doc: 'Port of a separate listener for /metrics and the health checks.',
    example: '9401',
  }),
  managementHost: option({
    env: 'CLAVIGER_MANAGEMENT_HOST',
    parse: listenHost,
    default: '127.0.0.1',
    doc: 'Address of the management listener.',
  }),
  databaseUrl: option({
    env: 'DATABASE_URL',
    parse: databaseUrl,
    defaultDoc: 'embedded Postgres',
    doc: 'Postgres 14 or newer. PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE and PGSSLROOTCERT work too, and need no percent-encoding.',
    secret: 'password',
    example: 'postgres://claviger:password@localhost:5432/claviger',
  }),
  databasePoolSize: option({
    env: 'CLAVIGER_DATABASE_POOL_SIZE',
    parse: wholeNumber(2, 500),
    default: '10',
    doc: 'Connections to Postgres in the pool of each worker process at most; each process keeps up to three besides.',
  }),
  dataDir: option({
    env: 'CLAVIGER_DATA_DIR',
    parse: text,
    default: './data',
    doc: 'Folder of the embedded Postgres and of run-time files.',
  }),
  keyEncryptionKey: option({
    env: 'CLAVIGER_KEY_ENCRYPTION_KEY',
    parse: keyEncryptionKeyText,
    defaultDoc: 'the file keys/kek',
    doc: '32 random bytes in base64url; wraps signing keys at rest. Outside production keys/kek is made at the first start. While it is being replaced: new and old, separated by a comma.',
    secret: 'all',
  }),
  trustedProxies: option({
    env: 'CLAVIGER_TRUSTED_PROXIES',
    parse: cidrs,
    default: '',
    defaultDoc: 'none',
    doc: 'Addresses and CIDR blocks of reverse proxies whose forwarded client address is believed, separated by commas.',
    example: '10.0.0.0/8',
  }),
  workers: option({
    env: 'CLAVIGER_WORKERS',
    parse: wholeNumber(1, 128),
    default: '1',
    doc: 'Processes on this node; one for each core is plenty.',
  }),
  keyRotationIntervalSeconds: option({
    env: 'CLAVIGER_KEY_ROTATION_INTERVAL',
    parse: duration({ least: '1s', most: '730d' }),
    default: '30d',
    doc: 'How long a key signs before the next one takes over.',
  }),
  keyPublishLeadSeconds: option({
    env: 'CLAVIGER_KEY_PUBLISH_LEAD',
    parse: duration({ least: '100ms', most: '365d' }),
    default: '24h',
    doc: 'How long a key is published before it may sign, so that every cache has it by then.',
  }),
  keyHoldSeconds: option({
    env: 'CLAVIGER_KEY_PROMOTION_HOLD',
    parse: duration({ least: '0s', most: '30d' }),
    default: '0s',
    doc: 'How long a scheduled promotion waits at most for a verifier that says who it is (/jwks?verifier=…) and has not fetched the next key yet.',
  }),
  signingAlgorithms: option({
    env: 'CLAVIGER_SIGNING_ALGORITHMS',
    parse: someOf('ES256', 'RS256', 'PS256', 'ES384', 'EdDSA', 'ML-DSA-65'),
    default: 'ES256,RS256',
    doc: 'Algorithms that there are signing keys for; ES256 and RS256 always are. Also PS256, ES384, EdDSA and ML-DSA-65.',
  }),
  signerSocket: option({
    env: 'CLAVIGER_SIGNER_SOCKET',
    parse: text,
    defaultDoc: 'off',
    doc: 'Unix socket of a signer process (claviger signer): private keys and the key-encryption key stay there, and this process never holds them.',
    example: '/run/claviger/signer.sock',
  }),
  pkcs11Module: option({
    env: 'CLAVIGER_PKCS11_MODULE',
    parse: text,
    defaultDoc: 'off',
    doc: 'Shared library of an HSM (PKCS#11): signing keys are made there and never leave it. Needs the package pkcs11js beside Claviger.',
    example: '/usr/lib/softhsm/libsofthsm2.so',
  }),
  pkcs11Token: option({
    env: 'CLAVIGER_PKCS11_TOKEN',
    parse: text,
    defaultDoc: 'the first one',
    doc: 'Label of the token in the HSM.',
    example: 'claviger',
  }),
  pkcs11Pin: option({
    env: 'CLAVIGER_PKCS11_PIN',
    parse: text,
    defaultDoc: 'none',
    doc: 'PIN of the token in the HSM.',
    secret: 'all',
  }),
  accessTokenSeconds: option({
    env: 'CLAVIGER_ACCESS_TOKEN_TTL',
    parse: duration({ least: '1s', most: '1h' }),
    default: '10m',
    doc: 'Life of an access token, unless its API says otherwise.',
  }),
  refreshTokenIdleSeconds: option({
    env: 'CLAVIGER_REFRESH_TOKEN_IDLE_TTL',
    parse: duration({ least: '1s', most: '365d' }),
    default: '14d',
    doc: 'A refresh token that is not used for so long ends.',
  }),
  refreshTokenSeconds: option({
    env: 'CLAVIGER_REFRESH_TOKEN_TTL',
    parse: duration({ least: '1s', most: '730d' }),
    default: '90d',
    doc: 'Life of a chain of refresh tokens, however often it is used.',
  }),
  sessionIdleSeconds: option({
    env: 'CLAVIGER_SESSION_IDLE_TTL',
    parse: duration({ least: '1s', most: '365d' }),
    default: '12h',
    doc: 'A browser session that is not used for so long ends.',
  }),
  sessionSeconds: option({
    env: 'CLAVIGER_SESSION_TTL',
    parse: duration({ least: '1s', most: '365d' }),
    default: '30d',
    doc: 'Life of a browser session, however often it is used.',
  }),
  refreshGraceSeconds: option({
    env: 'CLAVIGER_REFRESH_GRACE',
    parse: duration({ least: '0s', most: '60s' }),
    default: '10s',
    doc: 'How long a just-rotated refresh token may be presented again, for retries and second tabs.',
  }),
  eventRetentionSeconds: option({
    env: 'CLAVIGER_EVENT_RETENTION',
    parse: duration({ least: '1d', most: '3660d' }),
    default: '400d',
    doc: 'How long entries of the audit log are kept.',
  }),
  logLevel: option({
    env: 'CLAVIGER_LOG_LEVEL',
    parse: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    default: 'info',
    doc: 'JSON lines on stderr; pretty on a terminal.',
  }),
}

export type OptionName = keyof typeof options

export type OptionValues = { readonly [Name in OptionName]: ValueOf<(typeof options)[Name]> }
