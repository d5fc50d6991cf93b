/** Where an entity's state comes from after a loss. Every kind says it. */
import type { source } from './brand.js'
import { Misuse } from './misuse.js'
import { anyCodec, type AnyCodec } from './spec.js'
import { checkTravels, type WireCodec } from './wire.js'

/** Where the state of a kind comes from after a loss. */
export interface StateSource<S> {
  readonly [source]: (state: S) => S
}

/** A state source at run time. */
export type SourceData =
  | {
      readonly type: 'mirrored'
      readonly codec: AnyCodec
      readonly copies: number
      readonly snapshotOnLeave: boolean
    }
  | { readonly type: 'persisted'; readonly codec: AnyCodec; readonly snapshotEveryCount: number }
  | { readonly type: 'rebuilt'; readonly rebuild: (id: string) => Promise<unknown> }
  | { readonly type: 'disposable' }

export interface MirrorOptions {
  /**
   * Other nodes that hold the state in memory: 1 … 4, default 1. Each one more survives one more loss at
   * once.
   */
  readonly copies?: number
  /**
   * Also writes a snapshot when the last owner leaves in order; it is read once at the next start. Default
   * false.
   */
  readonly snapshotOnLeave?: boolean
}
export interface PersistOptions {
  /** Changes between two snapshots: 1 … 1,000,000, default 100. */
  readonly snapshotEveryCount?: number
}

const made = <S>(data: SourceData): StateSource<S> => Object.freeze(data) as unknown as StateSource<S>

const whole = (value: number, most: number, name: string): number => {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new Misuse('InvalidDeclaration', `${name}: expected a whole number from 1 to ${most}.`)
}

/**
 * Copies in the memory of the nodes that would own it next. The default for the actors of a game: every
 * acknowledged change survives the loss of `copies` nodes at once.
 */
export const mirrored = <S>(codec: WireCodec<S>, options: MirrorOptions = {}): StateSource<S> => {
  checkTravels(codec, 'mirrored')
  return made({
    type: 'mirrored',
    codec: anyCodec(codec),
    copies: whole(options.copies ?? 1, 4, 'mirrored: copies'),
    snapshotOnLeave: options.snapshotOnLeave ?? false,
  })
}

/** A journal and snapshots in a store: survives the loss of all nodes. */
export const persisted = <S>(codec: WireCodec<S>, options: PersistOptions = {}): StateSource<S> => {
  checkTravels(codec, 'persisted')
  return made({
    type: 'persisted',
    codec: anyCodec(codec),
    snapshotEveryCount: whole(options.snapshotEveryCount ?? 100, 1_000_000, 'persisted: snapshotEveryCount'),
  })
}

/** Asked for anew, from whoever knows it. A rejection is a failed start: the supervisor tries again. */
export const rebuilt = <S>(rebuild: (id: string) => Promise<S>): StateSource<S> =>
  made({ type: 'rebuilt', rebuild })

/** Begins from `init` after each loss. */
export const disposable = <S>(): StateSource<S> => made({ type: 'disposable' })

export const sourceData = (state: StateSource<never>): SourceData => state as unknown as SourceData
