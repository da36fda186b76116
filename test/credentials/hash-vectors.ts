/** Hashes that other implementations made, each with its password. */
const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64').replaceAll('=', '')
const salt = Buffer.from('salt').toString('base64').replaceAll('=', '')

const pbkdf2Sha256 = base64('c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a')
const pbkdf2Sha512 = base64(
  '867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce',
)
const scrypt = base64(
  '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
)

/** Those without a source were made by Python's hashlib, argon2-cffi, bcrypt, passlib and Django. */
export const hashVectors: [what: string, hash: string, password: string][] = [
  [
    'argon2id (its reference test)',
    '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    'password',
  ],
  [
    'argon2i (its reference test)',
    '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA',
    'password',
  ],
  [
    'argon2i of version 16',
    '$argon2i$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ',
    'password',
  ],
  ['bcrypt $2a$ (Openwall)', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'U*U'],
  ['bcrypt $2y$', '$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK', 'U*U*'],
  ['bcrypt $2b$', '$2b$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a', 'U*U*U'],
  ['scrypt (RFC 7914 §12)', `$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$${scrypt}`, 'pleaseletmein'],
  ['PBKDF2-SHA1 (RFC 6070)', `$pbkdf2-sha1$i=4096$${salt}$SwB5AbdlSJq+rUnZJvch0GWkKcE`, 'password'],
  ['PBKDF2-SHA256', `$pbkdf2-sha256$i=4096,l=32$${salt}$${pbkdf2Sha256}`, 'password'],
  ['PBKDF2-SHA512', `$pbkdf2-sha512$i=1$${salt}$${pbkdf2Sha512}`, 'password'],
  [
    'PBKDF2 of passlib',
    '$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44',
    'password',
  ],
  ['PBKDF2 of Django', 'pbkdf2_sha256$10000$seasalt$CWWFdHOWwPnki7HvkcqN9iA2T3KLW1cf2uZ5kvArtVY=', 'lètmein'],
  ['PBKDF2-SHA1 of Django', 'pbkdf2_sha1$10000$seasalt$oAfF6vgs95ncksAhGXOWf4Okq7o=', 'lètmein'],
  ['{SSHA} of passlib', '{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ', 'password'],
  ['{SSHA256}', '{SSHA256}LBWHKVk8AqLFDGjNCFn++x9EnLelCHLkEmBsFi2U3AJzYWx0MTIzNA==', 'correct horse'],
  [
    '{SSHA512}',
    '{SSHA512}foa0o5b0ZNtnD4d7mkHNhvOYnvv07lgQLIiqhLd1FEa5XsTVUbPtF47ABIGbnQq2Ah1uFh4t800l1g7N4YIQh3NhbHQxMjM0',
    'correct horse',
  ],
  [
    'argon2id of Django 5.2',
    'argon2$argon2id$v=19$m=102400,t=2,p=8$c2Vhc2FsdHNlYXNhbHQ$gSZhfbBA1jr8wOdVLAUph2q3HDwAuNVG5m1kuEoQfjc',
    'umbrella sideways',
  ],
  [
    'bcrypt over SHA-256 of Django 5.2',
    'bcrypt_sha256$$2b$05$yUXKIDe9cA9PfbFAZ1W1ueCPfw6RtuoOuay.kAVnUnj.Tuts3klGu',
    'umbrella sideways',
  ],
  ['bcrypt of Django 5.2', 'bcrypt$$2b$05$WEDM2oRuOgBlDSSQeBhchOa6jrR31YXksL5jYvBLqNbG0XlmkOh2i', 'umbrella sideways'],
  [
    'PBKDF2-SHA256 of Django 5.2',
    'pbkdf2_sha256$10000$seasalt12345$IAjWWqPN2gn3z1f5dGBqhMwcPcR0uquMNQoWhqiTVnE=',
    'umbrella sideways',
  ],
  [
    'scrypt of Django 5.2',
    'scrypt$16384$seasalt12345$8$5$TWURx6AdEN+PJMi9sPEUQjB7uUdtRDqwE/VK4ntz9J1VJfI+aRgPwh4ZMmA+0OPsrizeIhGTx7dUzWV88HATPA==',
    'umbrella sideways',
  ],
  [
    'PBKDF2 of Spring Security 5.8',
    '{pbkdf2@SpringSecurity_v5_8}000102030405060708090a0b0c0d0e0fe65160f72b45a91175d7fbc0bb441f78cdcc51cf48bdb04baf7107c170aeff0d',
    'umbrella sideways',
  ],
  [
    'scrypt of Spring Security 5.8',
    '{scrypt@SpringSecurity_v5_8}$100801$AAECAwQFBgcICQoLDA0ODw==$PNWNdwpgPU4IbyQb4btr5o/1YpP3ogvMOxtvbfoFxxw=',
    'umbrella sideways',
  ],
  [
    'argon2id of Spring Security 5.8',
    '{argon2@SpringSecurity_v5_8}$argon2id$v=19$m=16384,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$akuJMBUhNhULq88FibQCw93TF166f98iiLt3pBNwEBI',
    'umbrella sideways',
  ],
  [
    '{ARGON2} of OpenLDAP',
    '{ARGON2}$argon2id$v=19$m=16384,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$akuJMBUhNhULq88FibQCw93TF166f98iiLt3pBNwEBI',
    'umbrella sideways',
  ],
  [
    'PBKDF2-SHA1 of ASP.NET Identity V2',
    'AAECAwQFBgcICQoLDA0ODxBhBgHpfKi1KTTSije/qQa2TDYHnzvGeGAFJnl2+wDvzQ==',
    'umbrella sideways',
  ],
  [
    'PBKDF2-SHA256 of ASP.NET Identity V3',
    'AQAAAAEAACcQAAAAEAECAwQFBgcICQoLDA0ODxCLt5fNjHTK1gmtJiHsLJ2AubdcX5BvGnFgnPSov2iY0w==',
    'umbrella sideways',
  ],
  [
    'PBKDF2-SHA512 of ASP.NET Identity V3',
    'AQAAAAIAAYagAAAAEAECAwQFBgcICQoLDA0ODxCDpfVRiRSPeBFmcADB0SD3sq+uqAiHA6DQUqwm+S1TIQ==',
    'umbrella sideways',
  ],
  ['phpass $P$ of WordPress (passlib)', '$P$BPt2ARsIGwXAzGnJ4/hoZ0tMsO9QtZ0', 'umbrella sideways'],
  ['phpass $H$ of phpBB (passlib)', '$H$9bLsVyV0vaeizJiT2/gfyj8mP.nzaX.', 'umbrella sideways'],
  ['{SSHA} of passlib, another salt', '{SSHA}Fjp0A7SrKVkACwDKAJxEXtv5tx6hVMq5', 'umbrella sideways'],
  ['{SSHA256} of passlib', '{SSHA256}FY/7WjgbqLkayFKHdWxRw7sVdpYOgODaLlmEOznNhkGAkFLqvReCUA==', 'umbrella sideways'],
  [
    '{SSHA512} of passlib',
    '{SSHA512}zoWJv2/aQeo3IZ96/rJAG9nSTMsXwqHp5lHzSAslBxER0QJ/oOa5cTBtXtDLKnDVgmyYRCnsmZISkRqLqBwFoKsVAkCoFQJA',
    'umbrella sideways',
  ],
  [
    '{SSHA384}',
    '{SSHA384}eLfH0ty1TXKn/TUAMA9RqGVUAdUorDvVjaIJqdLTpjjn2WVhaEOndctlwmEgMeg2c2FsdHNhbHQ=',
    'umbrella sideways',
  ],
  [
    '{PBKDF2-SHA512} of passlib',
    '{PBKDF2-SHA512}10000$Zozx3lvLWQtBiPHeGwOgtA$/LcvujjJOYJpcvEllEGFkPiknEHIdsZIcWkoLH2LCPO6/k1VSzxy9WCCFWOzrMmgSGpEeLyDNG8ntLY0GWmd2A',
    'umbrella sideways',
  ],
  [
    '{PBKDF2-SHA256} of passlib',
    '{PBKDF2-SHA256}10000$g7A2htBai7G2NibkHMNY6w$zL.yok12waN.CnC.f85Zqgesq/ZocmloT161lqmr8GI',
    'umbrella sideways',
  ],
  ['{PBKDF2} of passlib', '{PBKDF2}10000$0xqDkLJ2zvl/r/Xem3PuXQ$nRU1Nfsz3HPMESCZeKf7b78Lk44', 'umbrella sideways'],
  ['bcrypt within {CRYPT}', '{CRYPT}$2b$05$oIw3ARp4g7AdYQh.dWgTv./B.Ag1RUOwUaglKLbzf8YVynQHO4aWW', 'umbrella sideways'],
  [
    'bcrypt over HMAC-SHA384 of WordPress 6.8',
    '$wp$2y$05$ieLm0jE2ugvOYOUOIokhSexr21Uh16DgOD9VQ/d4JuFywLs2aHGw6',
    'umbrella sideways',
  ],
  [
    'scrypt of Werkzeug',
    'scrypt:32768:8:1$saltsalt12345678$1ece0b92136c0e044c73b0742b8c8cceeacc0392fdb98cfe3c42af133e9a3beb417c18d5ec272dba02a1e007339dacb3ecc0662393dc7553960ae04546f0dbb7',
    'umbrella sideways',
  ],
  [
    'PBKDF2 of Werkzeug',
    'pbkdf2:sha256:10000$saltsalt12345678$34b02e72bf718042a4688429d75b7aa0d86d78d5b4c27162a1964d10b2640e78',
    'umbrella sideways',
  ],
  [
    'argon2id with base64 padding',
    '$argon2id$v=19$m=7168,t=5,p=1$ZGVmZ2hpamtsbW5vcHFycw==$Ls98y4/zHQsG4ZQPhARnNOin9LaidJDYbJK7Hj2Vleo=',
    'umbrella sideways',
  ],
  [
    'argon2i of version 16, unnamed',
    '$argon2i$m=4096,t=3,p=1$ZGVmZ2hpamtsbW5vcHFycw$PCTDdHb5w/SiL8tyMkq+CvHR7VZgaf3j4ve+x//AvCY',
    'umbrella sideways',
  ],
  [
    "bcrypt of Spring Security's documentation",
    '{bcrypt}$2a$10$dXJ3SW6G7P50lGmMkkmwe.20cQQubK3.HZWzG3YB1tlRy.fqvM/BG',
    'password',
  ],
  [
    "PBKDF2 of Spring Security's documentation",
    '{pbkdf2}5d923b44a6d129f3ddf3e3c8d29412723dcbde72445e8ef6bf3b508fbf17fa4ed4d6b99ca763d8dc',
    'password',
  ],
  [
    "scrypt of Spring Security's documentation",
    '{scrypt}$e0801$8bWJaSu2IKSn9Z9kM+TPXfOc/9bdYSrN1oD9qfVThWEwdRTnO7re7Ei+fUZRJ68k9lTyuTeUp4of4g24hHnazw==$OAOec05+bXxvuu/1qZ6NUR+xQYvYv7BeL1QxwRpY5Pc=',
    'password',
  ],
]
