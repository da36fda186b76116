/** One option: its name, parser, default and documentation together. */

export type Parsed<Value> = { value: Value } | { fault: string }

export interface Option<Value> {
  /** The environment variable. */
  env: string
  /** Turns text into a value, or into a fault that starts with "must". Never quotes a secret. */
  parse(text: string): Parsed<Value>
  /** As written in the environment; absent for an option that may stay unset. */
  default?: string
  /** Shown in the table when the default is no fixed text. */
  defaultDoc?: string
  doc: string
  /** Always masked. `NAME_FILE` may name a file that contains it. */
  secret?: 'all' | 'password'
  /** An example value in `.env.example`, for an option without a default. */
  example?: string
}

/** Options with a default always have a value. */
type Required<Value> = Option<Value> & { default: string }

export function option<Value>(given: Required<Value>): Required<Value>
export function option<Value>(given: Option<Value>): Option<Value>
export function option<Value>(given: Option<Value>): Option<Value> {
  return given
}

export type ValueOf<Given> =
  Given extends Required<infer Value> ? Value : Given extends Option<infer Value> ? Value | undefined : never
