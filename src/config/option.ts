/** One option: its name, its meaning, what it may be and its documentation are one thing. */

export type Parsed<Value> = { value: Value } | { fault: string }

export interface Option<Value> {
  /** The environment variable. */
  env: string
  /** Turns text into a value, or says what would be right: "must be …". Never repeats the text of a secret. */
  parse(text: string): Parsed<Value>
  /** As one would write it in the environment; absent for an option that may stay unset. */
  default?: string
  /** What the table shows when the default is no fixed text. */
  defaultDoc?: string
  doc: string
  /** Masked wherever it is shown; `NAME_FILE` may name a file that holds it. */
  secret?: 'all' | 'password'
  /** Something to start from in `.env.example`, for an option without a default. */
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
