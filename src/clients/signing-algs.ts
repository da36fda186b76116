/** Algorithms that ID tokens and access tokens may be signed with; `none` and the symmetric ones never are. */
export const signingAlgs = ['ES256', 'RS256', 'PS256', 'EdDSA', 'ES384', 'ML-DSA-65'] as const
