/**
 * A node of its own cluster, in this process, with some actors in its tree: what an application would
 * start.
 */
import { type Behavior, memory, startNode, supervisor, type TumenNode, worker } from '../supervisors/index.js'

export const oneNode = (...behaviors: readonly Behavior<string, any>[]): Promise<TumenNode> =>
  startNode({
    cluster: 'bench',
    transport: memory(),
    tree: supervisor(
      'root',
      {},
      behaviors.map((behavior) => worker(behavior.kind, behavior)),
    ),
  })
