/** What the launcher runs, as types for those who write it: `tumen up APP`, `tumen node APP`. */
import type { ConfigInput } from '../lib/config.js'
import type { ChildSpec, TumenNode } from '../lib/index.js'

/** The default export of an app that is more than a tree. */
export interface App {
  readonly tree: ChildSpec
  /** The options object of the configuration: stronger than flags, variables and the file. */
  readonly config?: ConfigInput
  /** Runs in the node's process when the node is ready: here an app opens its gateway. */
  readonly onNode?: (node: TumenNode) => Served | Promise<Served>
  /** Runs once in the process of `tumen up` when all nodes are ready. `up --once` ends after it. */
  readonly main?: (stage: Stage) => Promise<Performed>
}

/** JSON: what crosses between the launcher's processes. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** What an app opened beside its node. */
export interface Served {
  /** For the launcher's table and the app's `main`, such as `{ gateway: 'ws://127.0.0.1:7001' }`. */
  readonly info?: { readonly [name: string]: Json }
  /** What the app's `main` may call in this node's process. */
  readonly calls?: Readonly<Record<string, (argument: Json) => Json | Promise<Json>>>
  /** Before the node leaves. */
  readonly stop?: () => void | Promise<void>
  /** As the death of its process would: everything is closed at once and nobody is told. */
  readonly drop?: () => void
}

export interface StageNode {
  readonly name: string
  readonly isUp: boolean
  /** Of its process; null for a node inside the launcher's own. */
  readonly pid: number | null
  readonly info: { readonly [name: string]: Json }
}

/** What an app's `main` works with: the cluster that `tumen up` started. */
export interface Stage {
  readonly transport: 'nats' | 'memory'
  nodes(): readonly StageNode[]
  /** Calls one of `calls` of that node's app. */
  call(node: string, name: string, argument: Json): Promise<Json>
  /** As `tumen status`, `tree`, `ask`: see `verbs.ts`. */
  perform(node: string, verb: string, argument: Json): Promise<Json>
  /**
   * SIGKILL; a node inside this process is dropped between two messages instead. Gives the time at which
   * the call returned, in milliseconds since 1970, without waiting for the process to be gone.
   */
  kill(node: string): number
  /** Starts a node of that name again. Resolves when it is ready. */
  start(node: string): Promise<void>
  /** Writes progress for people; `\r` lines only where they are seen. */
  say(line: string): void
  progress(line: string): void
  readonly killAt: number | undefined
  /** Aborted when the launcher is told to end. */
  readonly signal: AbortSignal
}

export interface Performed {
  /** Decides the exit code of `up --once`. */
  readonly isGood: boolean
  /** The last line on stdout with `--json`. */
  readonly summary: Json
  /** Printed for people. */
  readonly text: string
  /** What to try now, printed where the cluster goes on. */
  readonly hints?: string
}
