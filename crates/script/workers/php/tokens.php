<?php
namespace Antiphon;

/** Whether a token is one of these; a sign stands for itself, and not for a part of a text that looks like it. */
function is_token(\PhpToken $token, int|string|array $kinds): bool
{
    foreach ((array) $kinds as $kind) {
        if ($token->id === (is_string($kind) ? ord($kind) : $kind)) {
            return true;
        }
    }
    return false;
}
