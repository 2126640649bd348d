//! What is left of TypeScript.

use super::*;

fn script(source: &str) -> String {
    to_javascript(source, Role::Script).unwrap()
}

#[test]
fn types_become_blanks_and_nothing_moves() {
    for (typescript, javascript) in [
        ("let a: number = 1;", "let a = 1;"),
        ("const f = (a: string, b?: { x: 1 }): void => a!;", "const f = (a , b ) => a ;"),
        ("return <T,>(x: T) => x as unknown as T;", "return (x ) => x ;"),
        ("interface A { é: 1 }\nlet b;", "; let b;"),
        ("type A = {\n  é: '😀'\n};\nthrow 1", "; throw 1"),
        ("new Map<string, number>()", "new Map ()"),
        ("x satisfies Y", "x"),
        ("import type { A } from 'a'; 1", "; 1"),
        ("export {}; declare const z: 1; f<1>(2)", "; ; f (2)"),
        ("let x!: string", "let x"),
        ("function f(this: Date, a) {}", "function f( a) {}"),
        ("function f(a: 1): 1; function f(a) { return a }", "; function f(a) { return a }"),
        ("abstract class A<T> extends B<T> implements C, D { x: 1 }", "class A extends B { x ; }"),
        ("a = b as T\n(c)", "a = b; (c)"),
        ("a\ntype B = 1\n[c]", "a ; [c]"),
        (
            "class A { a = 1\n readonly ['b'] = 2\n c: 1\n static readonly d? = 3 }",
            "class A { a = 1 ; ['b'] = 2 c ; static d = 3 }",
        ),
    ] {
        let left = script(typescript);
        assert_eq!(left.split_whitespace().collect::<Vec<_>>().join(" "), javascript, "{typescript}");
        assert_eq!(left.chars().count(), typescript.chars().count(), "{typescript}");
        for (was, is) in typescript.chars().zip(left.chars()) {
            assert!(was == is || (was != '\n' && matches!(is, ' ' | ';')), "{typescript} -> {left}");
        }
    }
}

#[test]
fn what_is_written_anew_stays_on_its_line() {
    let source = "enum A {\n  B,\n  C = 'c' // text\n}\nnamespace N {\n  export const x: 1 = 1\n}\nclass D {\n  constructor(private e: 1) {\n  }\n}\n/* 12 */ throw 1";
    let left = script(source);
    for (number, (was, is)) in source.lines().zip(left.lines()).enumerate() {
        for word in ["'c'", "// text", "const x", "class D", "/* 12 */ throw 1"] {
            assert_eq!(was.contains(word), is.contains(word), "line {number}: {is}");
        }
    }
    assert_eq!(source.lines().count(), left.lines().count());
}
