/**
 * Nodes of a cluster of their own, in this process: what an application would start, with somebody who
 * listens to its events.
 */
import {
  type Behavior,
  dynamic,
  memory,
  startNode,
  supervisor,
  type TumenNode,
  worker,
} from '../supervisors/index.js'

type Tree = Parameters<typeof startNode>[0]['tree']

const started = async (tree: Tree): Promise<TumenNode> => {
  const node = await startNode({ cluster: 'bench', transport: memory(), tree })
  node.listen(() => undefined)
  return node
}

/** A node with some actors in its tree. */
export const oneNode = (...behaviors: readonly Behavior<string, any>[]): Promise<TumenNode> =>
  started(
    supervisor(
      'root',
      {},
      behaviors.map((behavior) => worker(behavior.kind, behavior)),
    ),
  )

/** A node on which up to a million actors are started under `crowd`. */
export const crowd = (...behaviors: readonly Behavior<string, any>[]): Promise<TumenNode> =>
  started(
    supervisor('root', {}, [
      dynamic('crowd', { countMax: 1_100_000 }),
      ...behaviors.map((behavior) => worker(behavior.kind, behavior)),
    ]),
  )
