//! TypeScript runs as it is written, and errors are where the author sees them.

use super::fixture::Call;
use crate::{Engines, Outcome};
use antiphon_model::{Limits, json};

fn call() -> Call {
    Call { kind: "typescript", ..Call::default() }
}

#[test]
fn a_script_in_typescript_changes_the_event() {
    let edits = call()
        .finish(
            "interface Todo { name: string; complete: boolean }\n\
             const todos = event.request.payload.resource as Todo[];\n\
             const mark = <T extends Todo>(todo: T): T => ({ ...todo, complete: true });\n\
             event.request.payload = { resource: todos.map(mark) } satisfies { resource: Todo[] };",
        )
        .edits;
    assert_eq!(edits.request["payload"], json!({ "resource": [{ "name": "buy milk", "complete": true }] }));
}

#[test]
fn what_types_leave_behind_means_the_same() {
    for (source, expected) in [
        ("return <number>(1 as any)! + 1", json!(2)),
        ("const f = (): { a: number } => <any>{ a: 1 }; return f()", json!({ "a": 1 })),
        ("let a: number = 1, b!: string; b = 'x'; return [a, b]", json!([1, "x"])),
        ("const n = (1 + 2 as number) * 3; return n", json!(9)),
        ("const a = 1 as number\n;[2].forEach(x => x); return a", json!(1)),
        ("let a = 1 as number\n(() => 2)()\nreturn a", json!(1)),
        ("const f = <\nT\n>(x: T) => x; const g = async <\nT\n>(x: T) => x; return [f(1), await g(2)]", json!([1, 2])),
        ("const f = (x: number): {\n a: number\n} => ({ a: x }); return f(1)", json!({ "a": 1 })),
        ("function f(this: { n: number }, m?: number) { return this.n + (m ?? 1) } return f.call({ n: 1 })", json!(2)),
        ("function f(a: string): void; function f(a: any) { return a } return f('x')", json!("x")),
        ("try { throw 1 } catch (e: unknown) { return e }", json!(1)),
        ("for (const [k, v] of new Map<string, number>([['a', 1]])) return k + v", json!("a1")),
        ("type A = 1\n[1].length; return 1", json!(1)),
        (
            "declare const gone: string; declare module 'x' { } declare global { var y: 1 } return typeof gone",
            json!("undefined"),
        ),
        ("return [1, 2].map<string>(String)", json!(["1", "2"])),
        ("const is = (x: unknown): x is string => typeof x === 'string'; return is('')", json!(true)),
        ("function assert(x: unknown): asserts x { if (!x) throw 1 } assert(1); return 'fine'", json!("fine")),
        ("const o = { m<T>(x?: T): T | undefined { return x }, get v(): number { return 1 } }; return o.v", json!(1)),
        ("const x = event.request?.payload!.resource![0]!.name; return x", json!("buy milk")),
        ("export {}; export type T = 1; return 1", json!(1)),
        ("const t: `a${string}` = 'ab'; const u = `${t as string}c`; return u", json!("abc")),
    ] {
        assert_eq!(call().returned(source), expected, "{source}");
    }
}

#[test]
fn classes_keep_their_members_and_lose_their_types() {
    let source = "
        abstract class Shape<T = number> {
            static readonly unit: string = 'cm'
            protected declare gone: string;
            [key: string]: unknown;
            name?: string
            ['computed']!: number
            readonly sides = 4
            override?(): void
            abstract area(): T;
            constructor(public readonly label: string, private scale = 2) {}
            public static of(label: string): Square { return new Square(label, 3) }
            get double(): number { return this.scale * 2 }
        }
        interface Named { name?: string }
        class Square extends Shape<number> implements Named, /* both */ Iterable<number> {
            #side: number;
            constructor(label: string, readonly side: number) { super(label); this.#side = side }
            area(): number { return this.#side ** 2 }
            async *[Symbol.asyncIterator](): AsyncGenerator<number> { yield 1 }
            *[Symbol.iterator](): Generator<number> { yield* [1, 2] }
            private ['hidden'] = 7;
        }
        const square = Shape.of('s');
        return [square.label, square.side, square.area(), square.double, square.sides, [...square], square['hidden'],
                Shape.unit, 'gone' in square, 'name' in square, 'scale' in square];";
    assert_eq!(call().returned(source), json!(["s", 3, 9, 4, 4, [1, 2], 7, "cm", false, true, true]));
}

#[test]
fn enums_are_objects() {
    let source = "
        enum Level { Low, High = 5, Higher, Both = Low | High, After, 'with space' = -1, Next }
        const enum Word { Hello = 'hello', Also = Hello, Long = `${1}x` + Hello }
        enum Level { Merged = 100 }
        namespace Inner { export enum Deep { A = 'a'.length } }
        return [Level.Low, Level.High, Level.Higher, Level.Both, Level.After, Level[5], Level['with space'], Level.Next,
                Level.Merged, Level[0], Word, Inner.Deep];";
    assert_eq!(
        call().returned(source),
        json!([0, 5, 6, 5, 6, "Both", -1, 0, 100, "Next",
               { "Hello": "hello", "Also": "hello", "Long": "1xhello" }, { "A": 1, "1": "A" }])
    );
}

#[test]
fn namespaces_share_their_variables() {
    let source = "
        namespace Counter {
            export let count: number = 0;
            export const step = 2, { length } = 'four';
            export interface Nothing {}
            export function up(): number { return count += step }
            export class Box { value = count }
            export namespace Inner.Deeper { export const answer: number = 42 }
            const hidden = 1;
        }
        namespace OnlyTypes { export type A = 1 }
        Counter.up(); Counter.count += 10;
        import answer = Counter.Inner.Deeper.answer;
        return [Counter.up(), Counter.count, Counter.length, new Counter.Box().value, answer, 'hidden' in Counter,
                typeof OnlyTypes];";
    assert_eq!(call().returned(source), json!([14, 14, 4, 14, 42, false, "undefined"]));
}

#[test]
fn libraries_are_imported_and_required_from_both_languages() {
    let typescript = "
        import Basket, { gross, asked, last, Currency, type Price } from 'prices.ts';
        import * as prices from 'prices.ts';
        import { neverUsed } from 'nowhere.ts';
        import lodash from 'lodash';
        import old = require('mine.js');
        const price: Price = { net: 100 };
        const total = gross(price);
        return [Math.round(total), asked(), prices.last, last === undefined, Currency.Euro, new Basket([price]).net,
                lodash.sum([1, 2]), old.twice(4), prices.one + prices.two, prices.alsoTwice(5), Object.keys(prices).sort().join()];";
    assert_eq!(
        call().returned(typescript),
        json!([119, 1, { "net": 100 }, true, "EUR", 100, 3, 8, 3, 10,
               "Currency,alsoTwice,asked,deeper,default,doubled,gross,last,one,twice,two"])
    );
    let javascript = Call::default();
    assert_eq!(javascript.returned("return require('prices.ts').doubled({ net: 4 })"), json!(8));
    let thrown = javascript.thrown("require('wrong.ts')");
    assert!(
        thrown.message.starts_with("The library 'wrong.ts' can't be loaded: Syntax error at line 1, column 17"),
        "{thrown:?}"
    );
}

#[test]
fn errors_are_where_the_author_sees_them() {
    let thrown = call().thrown(
        "interface A {\n  a: number;\n}\nenum E {\n  One,\n  Two\n}\nconst f = (x: Map<string, A>): void => { throw new Error('é') };\nf(new Map<string, A>());",
    );
    assert_eq!((thrown.line, thrown.column), (Some(8), Some(52)));
    assert_eq!(thrown.stack.as_deref().map(|stack| stack.lines().count()), Some(2), "{thrown:?}");
    assert!(thrown.stack.is_some_and(|stack| stack.ends_with(":9:7\n")));
}

#[test]
fn a_wrong_text_is_refused_with_its_position() {
    let engines = Engines::new(&Limits::default());
    for (source, line, column, message) in [
        ("const a: = 1;", 1, 10, ""),
        ("let a = 1;\nlet b: {", 2, 9, ""),
        ("let a: string;\n  let a: number;", 2, 16, "redefinition"),
        ("@sealed class A {}", 1, 1, "Decorators"),
        ("\nexport const a = 1;", 2, 1, "no exports"),
        ("return 1;\n}, function () {", 2, 1, ""),
        ("enum E { A = 'a', B }", 1, 19, "needs a value"),
        ("class A { accessor x = 1 }", 1, 11, "accessor"),
        ("class A extends B { constructor(private x: 1) { if (1) super() } }", 1, 47, "super"),
    ] {
        let error = engines.check("typescript", source).expect_err(source);
        assert_eq!((error.line, error.column), (line, column), "{source}: {error}");
        assert!(error.message.contains(message), "{source}: {error}");
    }
    assert_eq!(engines.check("typescript", "const a: number = await 1; return a"), Ok(()));
    let run = call().run("const a: = 1;");
    assert!(matches!(run.outcome, Outcome::Failed(error) if error.message.contains("line 1, column 10")));
}

#[test]
fn lookups_reach_texts_but_not_types() {
    assert_eq!(call().returned("type A = '{my_key}'; return '{my_key}'.length as number"), json!(13));
}

#[test]
fn no_text_is_too_much_for_the_parser() {
    let engines = Engines::new(&Limits::default());
    let pieces = ["!", "a=>", "a=", "a?b:", "if(a)", "<T>", "new ", "A<", "(", "`${", "a.", "a+", "x as ", "{"];
    for piece in pieces {
        let source = piece.repeat((256 << 10) / piece.len() - 1) + "1";
        let _ = crate::typescript::to_javascript(&source, crate::typescript::Role::Script);
    }
    let error = engines.check("typescript", &"// much\n".repeat(40_000)).unwrap_err();
    assert!(error.message.contains("256 KiB"), "{error}");
}
