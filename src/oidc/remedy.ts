/** What an administrator can set so that a refused request is accepted: for the log and `clients explain`, never for the app. */
interface Remedied {
  remedy?: string
}

export const withRemedy = <E extends Error>(error: E, remedy: string): E => Object.assign(error, { remedy })

export const remedyOf = (error: unknown): string | undefined => (error as Remedied).remedy
