"""Rebuilds nano_tokenizer.json: `python -m lerobot_anchorvla.policy.backbones.build_nano_tokenizer`.

A byte-level byte-pair vocabulary learned from household-robot instructions. Any text can be encoded; words
that the instructions use take one token.
"""

from itertools import product

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from lerobot_anchorvla.policy.backbones.nano import TOKENIZER_FILE

VOCABULARY_SIZE = 1024

_OBJECTS = (
    "apple bag ball banana basket block book bottle bowl box bread brick brush bucket cable can carrot "
    "chair cloth cube cup cushion dish drawer egg fork fruit glass hammer handle jar kettle key knife "
    "lamp lid marker mug napkin orange pan paper pear pen pillow plate pot remote screw shoe sponge "
    "spoon tape tool towel toy tray vase wrench"
).split()
_PLACES = (
    "basket bed bin box cabinet ceiling chair corner counter cupboard desk door drawer floor fridge "
    "ground hallway kitchen microwave oven rack room shelf sink sofa stand stove table wall window"
).split()
_COLOURS = "black blue brown green grey orange pink purple red silver white yellow".split()
_ACTIONS = (
    "bring carry catch clean close collect drop fetch find fold follow grasp grip hand hold insert lift "
    "move open pick place pour press pull push put reach release remove rotate screw slide sort stack "
    "sweep take throw tilt touch turn unfold wipe"
).split()
_RELATIONS = "above behind below beside from in into left of next to off on onto out right under with".split()
_MANNER = (
    "carefully fully gently halfway quickly slowly upright again first then second third last one two "
    "three all both each other same small large big tall short wide narrow top bottom middle upper "
    "lower front back"
).split()
_MOTION = (
    "come here; go to the; drive forward; drive backward; walk to the; stop; wait; turn left; turn "
    "right; move the arm to the rest pose; close the gripper; open the gripper; what action should the "
    "robot take to"
).split("; ")


def instructions() -> list[str]:
    """Instruction sentences made from templates, in a fixed order."""
    sentences = [f"{action} the {thing}" for action, thing in product(_ACTIONS, _OBJECTS + _PLACES)]
    sentences += [f"pick up the {colour} {thing}" for colour, thing in product(_COLOURS, _OBJECTS)]
    sentences += [
        f"put the {thing} {relation} the {place}"
        for thing, relation, place in product(_OBJECTS[::3], _RELATIONS, _PLACES[::2])
    ]
    sentences += [f"{action} it {manner}" for action, manner in product(_ACTIONS, _MANNER)]
    return sentences + [f"{motion} {place}" for motion, place in product(_MOTION, _PLACES)]


def build() -> Tokenizer:
    """Trains the tokenizer; the same input gives the same file."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=["<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(instructions(), trainer)
    return tokenizer


if __name__ == "__main__":
    build().save(str(TOKENIZER_FILE))
