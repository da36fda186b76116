/** What the doctor checks about the connections to the database. */

/** How a connection reaches Postgres: directly, or through a pooler that changes it. */
export interface RouteView {
  isPooled: boolean
  keepsSession: boolean
  keepsStatements: boolean
  keepsTransactions: boolean
  /** No statement timeout applies on the server. */
  isUnlimited: boolean
  /** Equal for two routes that lead to the same database. */
  target: string
}

export interface DeskConnections {
  /** The routes of the pool and of the direct URL. @throws Failure `database_unavailable`, `database_refused` */
  routes(): Promise<{ pool: RouteView; direct: RouteView }>
  room(): Promise<{
    maxConnections: number
    reserved: number
    roleLimit: number | undefined
    databaseLimit: number | undefined
    serving: number
  }>
  /** What the role may do. `schema` is where tables would be created; null if no schema on the search path exists. */
  rights(): Promise<{
    role: string
    schema: string | null
    canCreate: boolean
  }>
}
