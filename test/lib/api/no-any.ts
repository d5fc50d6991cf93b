/** Reads the declarations of the public edge and looks for `any` outside of constraints. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const paths = [
  ...readdirSync(`${root}lib/api`).map((name) => `lib/api/${name}`),
  'lib/errors.ts',
  'lib/index.ts',
  'supervisors/fp.ts',
]

/** Aliases that say "any of these". They may hold `any`, and are named in constraints alone. */
const constraints = new Set(['Fields', 'Specs', 'Travelling', 'Inner', 'AnyProtocol', 'NoInner'])

const isConstraint = (node: ts.Node): boolean => {
  for (let at = node; at.parent !== undefined; at = at.parent) {
    const { parent } = at
    if (ts.isTypeParameterDeclaration(parent) && at !== parent.name) return true
    if (ts.isConditionalTypeNode(parent) && at === parent.extendsType) return true
    if (ts.isTypeAliasDeclaration(parent)) return constraints.has(parent.name.text)
  }
  return false
}

/** The last signature of an overloaded function is its own business. */
const isImplementation = (node: ts.Node): boolean => {
  for (let at: ts.Node | undefined = node; at !== undefined; at = at.parent) {
    if (!ts.isFunctionDeclaration(at) || at.body === undefined || at.name === undefined) continue
    const { name } = at
    const others = at.getSourceFile().statements.filter(ts.isFunctionDeclaration)
    return others.some((other) => other !== at && other.name?.text === name.text)
  }
  return false
}

const offences = (path: string): string[] => {
  const source = ts.createSourceFile(path, readFileSync(root + path, 'utf8'), ts.ScriptTarget.ES2022, true)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    const isAny = node.kind === ts.SyntaxKind.AnyKeyword
    const isAlias = ts.isTypeReferenceNode(node) && constraints.has(node.typeName.getText(source))
    if ((isAny || isAlias) && !isConstraint(node) && !isImplementation(node)) {
      found.push(`${path}:${source.getLineAndCharacterOfPosition(node.pos).line + 1} ${node.getText(source)}`)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

t.test('edge – no `any` in a public declaration except in a constraint', async (t) => {
  t.ok(paths.length > 20)
  t.same(paths.flatMap(offences), [])
})
