/** Numbers of the engine's models in `artifacts.model`. Never change a number, because rows outlive releases. */
export const artifactModels = {
  Session: 1,
  Interaction: 2,
  Grant: 3,
  AuthorizationCode: 4,
  RefreshToken: 5,
  AccessToken: 6,
  ClientCredentials: 7,
  DeviceCode: 8,
  BackchannelAuthenticationRequest: 9,
  PushedAuthorizationRequest: 10,
  ReplayDetection: 11,
  InteractionTrail: 12,
  InitialAccessToken: 13,
  RegistrationAccessToken: 14,
  InteractionProof: 15,
} as const

export type ArtifactModel = keyof typeof artifactModels
