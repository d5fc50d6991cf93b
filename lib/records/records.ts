/**
 * The port to the record store. A record is a chain of numbered versions that are only ever created:
 * changing a record means creating its next version, and whoever creates it has won. That is the only
 * compare-and-set here.
 *
 * Chains are named `member.<node name>`, `shard.<kind>.<index>`, …: tokens of letters, digits, `_` and `-`,
 * with dots between.
 *
 * Rules every adapter keeps:
 *  - Of any number of concurrent creates of one version at most one answers `created`.
 *  - A create whose answer took longer than `createValidMs` answers `unknown`, even when the store said yes:
 *    superseded versions are purged after `purgeAfterMs`, and a create that was held up for longer than that
 *    could succeed on a number that was already used. `unknown` is resolved with `latest`.
 *  - `latest` is authoritative (never from a stale replica) and returns the highest version.
 *  - `watch` shows, per chain, versions in rising order; it may skip some, never the last. It starts with
 *  what is there.
 */
export const createValidMs = 2_000
export const purgeAfterMs = 60_000

export interface RecordVersion {
  readonly chain: string
  readonly version: number
  readonly value: Uint8Array
}

/**
 * `taken`: that version exists, written by this or another create. `unknown`: may or may not have happened.
 */
export type Created = 'created' | 'taken' | 'unknown'

export type Latest =
  | { readonly tag: 'found'; readonly record: RecordVersion }
  | { readonly tag: 'none' }
  | { readonly tag: 'failed'; readonly why: string }

export interface Watch {
  stop(): void
}

export interface Records {
  create(chain: string, version: number, value: Uint8Array, done: (outcome: Created) => void): void
  latest(chain: string, done: (latest: Latest) => void): void
  /**
   * `prefix` is whole tokens, such as `member` or `shard`. `onLive` is called when all that was there has
   * been shown, again after each re-opening.
   */
  watch(prefix: string, onRecord: (record: RecordVersion) => void, onLive: () => void): Watch
  /** Grows by one whenever the store was lost and made anew; epochs of an older one must not win. */
  readonly storeId: string
}
