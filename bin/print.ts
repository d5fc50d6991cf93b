/** How the launcher shows data: tables and trees for people, one JSON line for programs. */
import type { EntitiesPage, NodeStatus, TreeNode } from '../lib/index.js'
import type { Json } from '../supervisors/launched.js'

/** Columns as wide as they need; the first row is the heading. */
const table = (rows: readonly (readonly (string | number)[])[]): string => {
  const widths: number[] = []
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, `${cell}`.length)
  const line = (row: readonly (string | number)[]): string =>
    row
      .map((cell, at) =>
        typeof cell === 'number' ? `${cell}`.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return rows.map(line).join('\n')
}

export interface NodeRow {
  readonly name: string
  readonly isUp: boolean
  readonly pid: number | null
  readonly status?: NodeStatus
  /** What the app opened beside it, such as the address of a gateway. */
  readonly info?: { readonly [name: string]: Json }
  /** Why there is no status. */
  readonly sentence?: string
}

const sum = (status: NodeStatus | undefined, key: 'entities' | 'shardsOwned' | 'shardsMirrored'): number =>
  (status?.kinds ?? []).reduce((total, kind) => total + kind[key], 0)

const releaseOf = (status: NodeStatus | undefined): string =>
  status?.members.find(({ node }) => node === status.node)?.release ?? '-'

export const statusTable = (rows: readonly NodeRow[]): string =>
  table([
    ['node', 'status', 'release', 'pid', 'entities', 'shards', 'mirrored'],
    ...rows.map(({ name, isUp, pid, status }) => [
      status?.node ?? name,
      isUp ? (status?.status ?? 'silent') : 'down',
      releaseOf(status),
      pid ?? '-',
      sum(status, 'entities'),
      sum(status, 'shardsOwned'),
      sum(status, 'shardsMirrored'),
    ]),
  ])

/** What the apps opened beside the nodes that run; empty when nothing is known. */
export const openedTable = (rows: readonly NodeRow[]): string =>
  table(
    rows
      .filter(({ isUp }) => isUp)
      .flatMap(({ name, info = {} }) =>
        Object.entries(info).map(([what, value]) => [
          name,
          what,
          typeof value === 'string' ? value : JSON.stringify(value),
        ]),
      ),
  )

/** One page, where it stands among all, and how to get the next. */
export const entitiesText = (
  kind: string,
  { entities, next, unanswered, total }: EntitiesPage<string> & { readonly total: number },
): string => {
  const rows = table([['id', 'node'], ...entities.map(({ id, node }) => [id, node])])
  const lines = [`${rows}\n`, `${entities.length} of ${total}`]
  if (unanswered.length > 0) lines.push(`not heard from: ${unanswered.join(', ')}`)
  if (next !== undefined) lines.push(`more: tumen entities ${kind} --after '${next}'`)
  return lines.join('\n')
}

const treeLines = (node: TreeNode, before: string, isLast: boolean, isRoot: boolean): string[] => {
  const count = node.count === undefined ? '' : ` (${node.count})`
  const restarts = node.restarts === 0 ? '' : `, restarted ${node.restarts} times`
  const strategy = node.strategy === undefined ? '' : ` ${node.strategy}`
  const branch = isRoot ? '' : `${before}${isLast ? '└─ ' : '├─ '}`
  const below = isRoot ? '' : `${before}${isLast ? '   ' : '│  '}`
  return [
    `${branch}${node.id}${count}  ${node.type}${strategy}, ${node.status}${restarts}`,
    ...node.children.flatMap((child, at) => treeLines(child, below, at === node.children.length - 1, false)),
  ]
}

export const treeText = (root: TreeNode): string => treeLines(root, '', true, true).join('\n')

export const print = (text: string): void => {
  process.stdout.write(`${text}\n`)
}
export const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}
